"""Programs for those who work on swimrl; users never need them."""
