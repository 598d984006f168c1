"""What packs images into shards: as they are, and with deformed copies."""
