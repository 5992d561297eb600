"""What a network puts out, channel by channel, and its moments."""
