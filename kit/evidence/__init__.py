"""Evidence packs: what a third party verifies without the kit (G.7)."""
