"""What every package of the local cloud uses: store, clock, errors, faults, and the interfaces between packages."""
