"""What every request passes and every service uses: callers, middleware, REST conventions, discovery documents."""
