"""Fills a data folder with a made-up quarter, so that every report has something to show."""
