"""Tests of the portal: through its pages, as a browser sees them."""
