# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of results: compared, watched over time, exported, shown.

Knows the results' JSON (results/rdpmc-results-2.schema.json) and nothing else of the project.

  files        a result file, read with suspicion
  history      a folder of them, as series of points
  conditions   what may explain a change
  statistics   tests and intervals on run medians
  judging      slower, faster, same or not to be told
  exact        exit paths of an emulated machine, held against each other without statistics
  compare      A against B          floor     the noise of a machine, measured and kept
  turns        A and B interleaved, run by run
  changes      steps and drift in one series
  trend        the same over a folder
  export       the formats of other tools, a module each
  dashboard    one HTML file
  memory       what was made of files before
  workers      work shared out to processes
  text         what a terminal may show
  output       where files go, whole or not at all
"""
