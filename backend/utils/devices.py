"""Device names for User-Agent headers."""

# The first match wins. Edge also contains "Chrome", and Chrome also contains "Safari", so the order matters.
BROWSERS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
    "curl/": "curl",
    "python": "Python",
    "Python": "Python",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def device_name(user_agent: str) -> str:
    """Return a readable name for a User-Agent header, such as `Firefox on Linux`."""
    browser = next((name for word, name in BROWSERS.items() if word in user_agent), "Unknown program")
    system = next((name for word, name in SYSTEMS.items() if word in user_agent), None)
    return f"{browser} on {system}" if system else browser
