"""What every part of the local cloud stands on: store, clock, errors, faults, and the types between parts."""
