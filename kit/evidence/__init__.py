"""Evidence packs, which a third party verifies without the kit (G.7)."""
