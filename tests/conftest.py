"""The plugins that the tests share."""

pytest_plugins = ["support.debian", "support.tidiness"]
