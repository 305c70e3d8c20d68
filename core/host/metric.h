/* SPDX-License-Identifier: MIT */
/* The text of /metrics. */
#ifndef HOST_METRIC_H
#define HOST_METRIC_H

#include "base/buf.h"
#include "host/host.h"

void metric_text(const struct host *h, struct buf *out);

#endif
