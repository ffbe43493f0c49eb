"""The plugins that the tests share."""

pytest_plugins = ["support.cloud", "support.clusters", "support.debian", "support.tidiness"]
