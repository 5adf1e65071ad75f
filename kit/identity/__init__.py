"""People and applications from the operator's perspective: keys, switches, sign-in, break-glass."""
