"""What operators write to the governance bucket themselves."""
