"""Reports for support leads: pages as tables, exports, the digest, snapshots, metrics."""
