# SPDX-License-Identifier: ISC
"""6. Politeness: what a responder sees of many certificates, over a simulated week, and how connections are used again."""

import json
import subprocess

from . import world as worlds
from .table import Row, counted, number

BUDGET_PER_SEC = 20  # RESPONDER_REQUESTS_PER_SEC of fetcher/schedule/responder.h
PER_RESPONDER = 8    # per_responder, as configured by default
OUTAGES = (6, 48)    # hours


def week(count, from_hour, hours):
    done = subprocess.run([worlds.program("week"), str(count), str(from_hour), str(hours)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def rows(world):
    count = world.counts[-1]
    found = week(count, 0, 0)
    mean = found["requests"] / (7 * 86400)
    yield Row("politeness", f"{counted(count, 'certificate')} of one CA, a simulated week: requests per second in the busiest second",
              f"{found['peak_up']}", f"{BUDGET_PER_SEC}, the budget", found["peak_up"] / BUDGET_PER_SEC,
              aim="within the budget", is_met=found["peak_up"] <= BUDGET_PER_SEC)
    days = [sum(found["hours"][24 * day:24 * day + 24]) for day in range(7)]
    yield Row("politeness", "requests in the week", f"{found['requests']:,}; by day {', '.join(f'{day:,}' for day in days)}",
              f"{7 * count:,}, one a day each", found["requests"] / (7 * count))
    busiest = max(found["hours"][-24:]) / 3600
    yield Row("politeness", "flat: requests per second in the busiest hour of the last day", number(busiest),
              f"{number(mean)}, the week's average", busiest / mean, aim="≤ 2×", is_met=busiest <= 2 * mean)
    busiest = max(found["hours"]) / 3600
    yield Row("politeness", "the same for the week's busiest hour: all responses were fetched within one hour, 36 hours before",
              number(busiest), f"{number(mean)}, the week's average", busiest / mean)
    for hours in OUTAGES:
        found = week(count, 60, hours)
        yield Row("politeness", f"an outage of {hours} h: requests per second after it, in the busiest second", f"{found['peak_after']}",
                  f"{BUDGET_PER_SEC}, the budget", found["peak_after"] / BUDGET_PER_SEC,
                  aim="no spike", is_met=found["peak_after"] <= BUDGET_PER_SEC)
        yield Row("politeness", f"an outage of {hours} h: requests per second during it; certificates without a valid response",
                  f"{found['peak_down']} at most; {found['bare']}", aim="0 without", is_met=found["bare"] == 0)
    connections = world.facts.get("connections")
    if connections is None:
        world.responder.say("count")
        world.first_pass(world.installation(count, "polite"))
        connections = {count: world.responder.say("count")["connections"]}
    used = connections[count]
    yield Row("politeness", f"a real pass of {count:,}: connections", f"{used}", f"{counted(count, 'request')}", count / used,
              aim=f"≤ {PER_RESPONDER}", is_met=used <= PER_RESPONDER)
