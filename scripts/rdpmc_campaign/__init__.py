# SPDX-License-Identifier: GPL-2.0-or-later
"""A campaign: fuzzers that run for weeks without a person, and one page to read.

  main      the command line                        space     what may be used of the disk
  campaign  the loop, its start and its end          upkeep    what comes round while it runs
  plan      engines and drivers, task by task       status    what a person and a program read
  worker    a task that runs, for a slice of time   chores    short programs, one at a time
  corpus    the cases that are kept                 coverage  what the kept cases reach
  findings  from what fuzzers save to pages          notices   who is told of them
"""
