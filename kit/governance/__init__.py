"""What operators put into the governance bucket themselves."""
