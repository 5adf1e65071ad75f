"""The pages of the portal, one module per section of the navigation."""
