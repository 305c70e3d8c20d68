/* SPDX-License-Identifier: MIT */
/*
 * chatd plugin SDK: the umbrella header.
 *
 * A plugin is a shared object with one exported data symbol, written by CHATD_PLUGIN (plugin.h).
 * The core loads it, fills its options (config.h), calls init(), where the plugin registers what it
 * takes part in - events (event.h), routes (http.h), message types and sockets (verb.h), services
 * (service.h) - and then runs it on one thread: a plugin never needs a lock. What would block goes
 * into a job or a watch (task.h).
 *
 * Scenarios. Refuse some messages: chatd_on_message() in CHATD_CHECK and chatd_deny(). Answer HTTP:
 * chatd_route() and chatd_reply(). Keep something on each connection: chatd_slot(). Ask a store and
 * go on later: chatd_ev_wait(), a service call, chatd_resume(). A new message type: chatd_verb().
 *
 * The SDK guards against mistakes, not against malice: a plugin is code in the server's own process.
 * json.h is not included here: take it where JSON is parsed.
 */
#ifndef CHATD_CHATD_H
#define CHATD_CHATD_H

#include <chatd/abi.h>
#include <chatd/channel.h>
#include <chatd/config.h>
#include <chatd/conn.h>
#include <chatd/event.h>
#include <chatd/http.h>
#include <chatd/log.h>
#include <chatd/metric.h>
#include <chatd/plugin.h>
#include <chatd/service.h>
#include <chatd/task.h>
#include <chatd/verb.h>

#endif
