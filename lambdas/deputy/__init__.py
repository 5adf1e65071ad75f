"""Takes the roles of departments for people of the portal: workflows and reviews (L3.1, L3.4)."""
