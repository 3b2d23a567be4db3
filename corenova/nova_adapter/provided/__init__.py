"""What files written for Nova may import where nova is not installed: one file for each of Nova's modules."""
