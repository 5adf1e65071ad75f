"""People and applications from the operator's side: keys, switches, sign-in, break-glass."""
