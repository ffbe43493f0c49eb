"""The plugins that the tests share."""

pytest_plugins = ["support.cloud", "support.debian", "support.tidiness"]
