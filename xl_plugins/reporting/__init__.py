"""Reports on runs: what ``xl-report`` reads, the numbers it shows, and the page, LaTeX and markdown made of them."""
