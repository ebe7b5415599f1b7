"""The store-and-forward agent: `push` on the site, `central` where the calls are rated, `wire` between them."""
