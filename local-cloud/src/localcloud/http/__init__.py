"""What every request passes and every service shares: callers, middleware, REST forms, conformance to discovery."""
