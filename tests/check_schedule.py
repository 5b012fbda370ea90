#!/usr/bin/env python3
"""An independent calendar: the times of many rules over ten years by datetime and zoneinfo, against 'schedule next'.

    check_schedule.py SUEXPORT HOME
"""
import datetime as dt
import json
import subprocess
import sys
from zoneinfo import ZoneInfo

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
UTC = dt.timezone.utc
START = "2019-01-31 01:30"
COUNT = 3700


def month_end(year, month):
    return (dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)).day


def candidate_days(rule, start):
    """Every day of the rule from the start's month on, in order, as dates; may begin before the start."""
    words = rule.replace(",", " ").split()
    if words[0] in ("first", "second", "third", "fourth", "last"):
        weekday = DAYS.index(words[1])
        later = int(words[3]) if len(words) > 3 and words[2] == "+" else 0
        year, month = start.year, start.month - 1
        if month == 0:
            year, month = year - 1, 12
        while True:
            fitting = [d for d in range(1, month_end(year, month) + 1) if dt.date(year, month, d).weekday() == weekday]
            date = fitting[-1] if words[0] == "last" else fitting[["first", "second", "third", "fourth"].index(words[0])]
            yield dt.date(year, month, date) + dt.timedelta(days=later)
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    every, unit = int(words[1]), words[2].rstrip("s")
    if unit == "month":
        date = int(words[words.index("on") + 1])
        year, month = start.year, start.month
        while True:
            yield dt.date(year, month, min(date, month_end(year, month)))
            month += every
            year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    day, monday = start, start - dt.timedelta(days=start.weekday())
    wanted = {DAYS.index(w) for w in words if w in DAYS}
    while True:
        if unit == "day" and (day - start).days % every == 0:
            yield day
        if unit == "week" and day.weekday() in wanted and (day - monday).days // 7 % every == 0:
            yield day
        day += dt.timedelta(days=1)


def expected(rule, zone, count):
    tz = ZoneInfo(zone)
    start = dt.datetime.strptime(START, "%Y-%m-%d %H:%M").replace(tzinfo=tz).astimezone(UTC)
    times = []
    if "hour" in rule:
        step = dt.timedelta(hours=int(rule.split()[1]))
        return [start + step * i for i in range(count)]
    clock = dt.time.fromisoformat(rule.split(" at ")[1])
    for day in candidate_days(rule, dt.date(2019, 1, 31)):
        if day.year > 2029:
            break
        # fold=0: of a time shown twice the first; one that is skipped is moved on by the gap.
        time = dt.datetime.combine(day, clock, tzinfo=tz).astimezone(UTC)
        if time >= start:
            times.append(time)
        if len(times) == count:
            break
    return times


def main():
    program, home = sys.argv[1:]
    zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Seoul", "Australia/Lord_Howe", "Asia/Kolkata",
             "America/St_Johns", "Pacific/Apia", "Africa/Casablanca", "America/Santiago"]
    rules = ["every 1 day at 02:30", "every 1 day at 01:30", "every 3 days at 00:00", "every 31 days at 23:59",
             "every 1 week on monday,thursday,sunday at 02:15", "every 3 weeks on tuesday,saturday at 23:30",
             "every 1 month on 31 at 02:30", "every 1 month on 29 at 12:00", "every 5 months on 1 at 00:30",
             "second tuesday at 14:00", "second tuesday + 1 day at 02:30", "last sunday at 02:30", "last friday + 27 days at 00:00",
             "first sunday at 01:45", "fourth thursday + 3 days at 03:00", "every 6 hours", "every 23 hours"]
    compared = 0
    for i, rule in enumerate(rules):
        for zone in zones if i < 2 else zones[i % 5::5]:
            answer = subprocess.run([program, "--home", home, "--json", "schedule", "next", *rule.split(), "--time-zone", zone,
                                     "--start", START, "--after", "2000-01-01 00:00", "--count", str(COUNT)],
                                    capture_output=True, check=True)
            want = [t.strftime("%Y-%m-%dT%H:%M:%SZ") for t in expected(rule, zone, COUNT)]
            have = [t["utc"] for t in json.loads(answer.stdout)["times"]]
            assert len(have) >= len(want) >= 20, f"{rule} in {zone}: {len(have)} times, at least {len(want)} expected"
            for n, (a, b) in enumerate(zip(want, have)):
                assert a == b, f"{rule} in {zone}: time {n} is {b}, not {a}"
            compared += len(want)
    print(compared)


main()
