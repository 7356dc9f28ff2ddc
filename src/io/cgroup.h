/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

/*
 * Removes the control groups called `name`, wherever they lie in /sys/fs/cgroup, in every hierarchy
 * (there are several in version 1 and in the hybrid form). Their processes have ended, or are about
 * to: it tries again for a second. What cannot be removed stays. Does nothing where there are none.
 */
SS_NONNULL void io_cgroup_remove(const char *name);
