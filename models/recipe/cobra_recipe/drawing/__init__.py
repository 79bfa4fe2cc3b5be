"""The page generator."""
