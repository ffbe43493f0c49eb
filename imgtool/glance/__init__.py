"""Keystone and Glance: an image delivered as it was meant, or nothing."""
