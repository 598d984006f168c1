"""Directions of descent: factors of sampled Hessians, and when to renew them."""
