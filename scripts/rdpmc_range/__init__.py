# SPDX-License-Identifier: GPL-2.0-or-later
"""What changes for guests from kernel tree to kernel tree."""
