/* SPDX-License-Identifier: MIT */
/*
 * Prints the layout of everything in the SDK's headers that crosses the border between the core and
 * a plugin, one fact a line, for test_abi.sh to compare with the record in sdk/abi/.
 *
 * Kinds: `struct` has a size member and may grow at its end; `row` is an array's row, whose array
 * states the stride, and may grow likewise; `frozen` has neither and keeps its size for ever.
 * `member` is followed by offset and size, `value` by the number of an enumerator, `event` by id,
 * kind, payload and owner.
 */
#include "abi_golden.h"

#include <chatd/chatd.h>

#include <stdlib.h>

/* The struct whose members are being listed, to notice one that was left out below. */
static struct {
    const char *name;
    size_t bytes, end;
} now;

static void fault(const char *where)
{
    fprintf(stderr, "abi_golden.c: %s of %s there is room for a member that is not listed\n", where,
            now.name);
    exit(1);
}

void golden_record(const char *kind, const char *name, size_t bytes)
{
    if (now.name != NULL && now.bytes - now.end >= 8) /* less may be padding */
        fault("at the end");
    now.name = name;
    now.bytes = bytes;
    now.end = 0;
    printf("%s %s %zu\n", kind, name, bytes);
}

void golden_member(const char *record, const char *name, size_t offset, size_t bytes)
{
    if (offset < now.end || offset - now.end >= (bytes < 8 ? bytes : 8))
        fault(name);
    now.end = offset + bytes;
    printf("member %s.%s %zu %zu\n", record, name, offset, bytes);
}

static void in_abi(void)
{
    TYPE(chatd_str);
    PART(chatd_str, p);
    PART(chatd_str, n);
    TYPE(chatd_conn);
    PART(chatd_conn, v);
    TYPE(chatd_req);
    PART(chatd_req, v);
    TYPE(chatd_channel);
    PART(chatd_channel, v);
    TYPE(chatd_frame);
    PART(chatd_frame, v);
    TYPE(chatd_wait);
    PART(chatd_wait, v);
    TYPE(chatd_timer);
    PART(chatd_timer, v);
    TYPE(chatd_watch);
    PART(chatd_watch, v);
    TYPE(chatd_sub);
    PART(chatd_sub, v);
    VALUE(CHATD_RECORD_MAX);
    VALUE(CHATD_OK);
    VALUE(CHATD_E_INVAL);
    VALUE(CHATD_E_EXISTS);
    VALUE(CHATD_E_NOTFOUND);
    VALUE(CHATD_E_GONE);
    VALUE(CHATD_E_BUSY);
    VALUE(CHATD_E_STATE);
    VALUE(CHATD_E_ABI);
    VALUE(CHATD_E_TIMEOUT);
    VALUE(CHATD_E_CANCELLED);
    VALUE(CHATD_E_BACKEND);
}

static void in_config(void)
{
    ROW(chatd_cfg_field);
    MEMBER(chatd_cfg_field, key);
    MEMBER(chatd_cfg_field, type);
    MEMBER(chatd_cfg_field, flags);
    MEMBER(chatd_cfg_field, offset);
    MEMBER(chatd_cfg_field, def);
    MEMBER(chatd_cfg_field, min);
    MEMBER(chatd_cfg_field, max);
    MEMBER(chatd_cfg_field, choices);
    MEMBER(chatd_cfg_field, help);
    MEMBER(chatd_cfg_field, env);
    VALUE(CHATD_CFG_STR);
    VALUE(CHATD_CFG_INT);
    VALUE(CHATD_CFG_BOOL);
    VALUE(CHATD_CFG_SIZE);
    VALUE(CHATD_CFG_DURATION);
    VALUE(CHATD_CFG_ENUM);
    VALUE(CHATD_CFG_LIST);
    VALUE(CHATD_CFG_PATH);
    VALUE(CHATD_CFG_SECRET);
    VALUE(CHATD_CFG_REQUIRED);
    VALUE(CHATD_CFG_RELOADABLE);
}

static void in_plugin(void)
{
    STRUCT(chatd_plugin);
    MEMBER(chatd_plugin, size);
    MEMBER(chatd_plugin, core);
    MEMBER(chatd_plugin, config);
    MEMBER(chatd_plugin, data);
    ROW(chatd_need);
    MEMBER(chatd_need, service);
    MEMBER(chatd_need, major);
    MEMBER(chatd_need, minor);
    MEMBER(chatd_need, flags);
    STRUCT(chatd_plugin_desc);
    MEMBER(chatd_plugin_desc, size);
    MEMBER(chatd_plugin_desc, abi_major);
    MEMBER(chatd_plugin_desc, abi_minor);
    MEMBER(chatd_plugin_desc, abi_min_minor);
    MEMBER(chatd_plugin_desc, reserved);
    MEMBER(chatd_plugin_desc, field_stride);
    MEMBER(chatd_plugin_desc, need_stride);
    MEMBER(chatd_plugin_desc, name);
    MEMBER(chatd_plugin_desc, version);
    MEMBER(chatd_plugin_desc, license);
    MEMBER(chatd_plugin_desc, config);
    MEMBER(chatd_plugin_desc, config_size);
    MEMBER(chatd_plugin_desc, needs);
    MEMBER(chatd_plugin_desc, init);
    MEMBER(chatd_plugin_desc, start);
    MEMBER(chatd_plugin_desc, drain);
    MEMBER(chatd_plugin_desc, stop);
    MEMBER(chatd_plugin_desc, reload);
    MEMBER(chatd_plugin_desc, cancel);
    STRUCT(chatd_core);
    MEMBER(chatd_core, size);
    MEMBER(chatd_core, abi_major);
    MEMBER(chatd_core, abi_minor);
    MEMBER(chatd_core, alloc);
    MEMBER(chatd_core, free);
    MEMBER(chatd_core, log);
    MEMBER(chatd_core, wall_ms);
    MEMBER(chatd_core, mono_ms);
    MEMBER(chatd_core, random);
    MEMBER(chatd_core, ready);
    MEMBER(chatd_core, feature);
    MEMBER(chatd_core, instance);
    MEMBER(chatd_core, on);
    MEMBER(chatd_core, event_named);
    MEMBER(chatd_core, hooked);
    MEMBER(chatd_core, raise);
    MEMBER(chatd_core, raised);
    MEMBER(chatd_core, ev_drop);
    MEMBER(chatd_core, ev_alloc);
    MEMBER(chatd_core, deny);
    MEMBER(chatd_core, wait);
    MEMBER(chatd_core, resume);
    MEMBER(chatd_core, service_offer);
    MEMBER(chatd_core, service);
    MEMBER(chatd_core, slot);
    MEMBER(chatd_core, slot_of);
    MEMBER(chatd_core, conn_info);
    MEMBER(chatd_core, conn_identify);
    MEMBER(chatd_core, conn_send);
    MEMBER(chatd_core, conn_send_frame);
    MEMBER(chatd_core, conn_close);
    MEMBER(chatd_core, conn_backlog);
    MEMBER(chatd_core, conn_when_drained);
    MEMBER(chatd_core, frame_new);
    MEMBER(chatd_core, frame_ref);
    MEMBER(chatd_core, frame_unref);
    MEMBER(chatd_core, frame_bytes);
    MEMBER(chatd_core, channel_open);
    MEMBER(chatd_core, channel_close);
    MEMBER(chatd_core, channel_join);
    MEMBER(chatd_core, channel_leave);
    MEMBER(chatd_core, channel_send);
    MEMBER(chatd_core, channel_count);
    MEMBER(chatd_core, channel_each);
    MEMBER(chatd_core, route);
    MEMBER(chatd_core, req_info);
    MEMBER(chatd_core, req_header);
    MEMBER(chatd_core, req_param);
    MEMBER(chatd_core, req_query);
    MEMBER(chatd_core, req_cookie);
    MEMBER(chatd_core, req_identify);
    MEMBER(chatd_core, reply);
    MEMBER(chatd_core, reply_error);
    MEMBER(chatd_core, ws);
    MEMBER(chatd_core, verb);
    MEMBER(chatd_core, verb_ack);
    MEMBER(chatd_core, verb_error);
    MEMBER(chatd_core, timer);
    MEMBER(chatd_core, timer_cancel);
    MEMBER(chatd_core, post);
    MEMBER(chatd_core, job);
    MEMBER(chatd_core, watch);
    MEMBER(chatd_core, watch_set);
    MEMBER(chatd_core, watch_cancel);
    MEMBER(chatd_core, metric);
    MEMBER(chatd_core, metric_add);
    MEMBER(chatd_core, metric_set);
    MEMBER(chatd_core, metric_observe);
    MEMBER(chatd_core, channel_send_at);
    MEMBER(chatd_core, channel_on_behind);
    MEMBER(chatd_core, limit);
    MEMBER(chatd_core, server_pid);
    VALUE(CHATD_NEED_OPTIONAL);
    VALUE(CHATD_NEED_LATER);
    VALUE(CHATD_READY);
    VALUE(CHATD_DEGRADED);
    VALUE(CHATD_AWAY);
}

static void in_conn(void)
{
    STRUCT(chatd_conn_info);
    MEMBER(chatd_conn_info, size);
    MEMBER(chatd_conn_info, is_open);
    MEMBER(chatd_conn_info, user);
    MEMBER(chatd_conn_info, address);
    MEMBER(chatd_conn_info, path);
    MEMBER(chatd_conn_info, subprotocol);
    MEMBER(chatd_conn_info, expires_ms);
    MEMBER(chatd_conn_info, connected_ms);
    VALUE(CHATD_TEXT);
    VALUE(CHATD_BINARY);
    VALUE(CHATD_SEND_EPHEMERAL);
    VALUE(CHATD_SEND_OR_SKIP);
    VALUE(CHATD_CLOSE_NORMAL);
    VALUE(CHATD_CLOSE_GOING_AWAY);
    VALUE(CHATD_CLOSE_PROTOCOL);
    VALUE(CHATD_CLOSE_UNSUPPORTED);
    VALUE(CHATD_CLOSE_BAD_DATA);
    VALUE(CHATD_CLOSE_TOO_BIG);
    VALUE(CHATD_CLOSE_INTERNAL);
    VALUE(CHATD_CLOSE_ROLL);
    VALUE(CHATD_CLOSE_TRY_LATER);
    VALUE(CHATD_CLOSE_TOO_SLOW);
    VALUE(CHATD_CLOSE_NO_PONG);
    VALUE(CHATD_CLOSE_TOO_MANY);
    VALUE(CHATD_CLOSE_TOKEN);
    VALUE(CHATD_CLOSE_BANNED);
    VALUE(CHATD_CLOSE_FORBIDDEN);
    VALUE(CHATD_SLOT_CONN);
    VALUE(CHATD_SLOT_CHANNEL);
    VALUE(CHATD_SLOT_REQ);
}

static void in_event(void)
{
    FROZEN(chatd_ev);
    MEMBER(chatd_ev, size);
    MEMBER(chatd_ev, retry_ms);
    MEMBER(chatd_ev, conn);
    MEMBER(chatd_ev, req);
    MEMBER(chatd_ev, code);
    MEMBER(chatd_ev, text);
    MEMBER(chatd_ev, core);
    STRUCT(chatd_ev_http);
    MEMBER(chatd_ev_http, ev);
    MEMBER(chatd_ev_http, method);
    MEMBER(chatd_ev_http, path);
    MEMBER(chatd_ev_http, pattern);
    MEMBER(chatd_ev_http, route_flags);
    STRUCT(chatd_ev_upgrade);
    MEMBER(chatd_ev_upgrade, ev);
    MEMBER(chatd_ev_upgrade, path);
    MEMBER(chatd_ev_upgrade, subprotocol);
    MEMBER(chatd_ev_upgrade, ws_flags);
    STRUCT(chatd_ev_connected);
    MEMBER(chatd_ev_connected, ev);
    MEMBER(chatd_ev_connected, path);
    MEMBER(chatd_ev_connected, subprotocol);
    MEMBER(chatd_ev_connected, user);
    STRUCT(chatd_ev_frame);
    MEMBER(chatd_ev_frame, ev);
    MEMBER(chatd_ev_frame, data);
    MEMBER(chatd_ev_frame, opcode);
    STRUCT(chatd_ev_closed);
    MEMBER(chatd_ev_closed, ev);
    MEMBER(chatd_ev_closed, user);
    MEMBER(chatd_ev_closed, reason);
    MEMBER(chatd_ev_closed, code);
    STRUCT(chatd_ev_register);
    MEMBER(chatd_ev_register, ev);
    MEMBER(chatd_ev_register, user);
    MEMBER(chatd_ev_register, address);
    STRUCT(chatd_ev_login);
    MEMBER(chatd_ev_login, ev);
    MEMBER(chatd_ev_login, user);
    MEMBER(chatd_ev_login, address);
    STRUCT(chatd_ev_join);
    MEMBER(chatd_ev_join, ev);
    MEMBER(chatd_ev_join, room);
    MEMBER(chatd_ev_join, user);
    STRUCT(chatd_ev_leave);
    MEMBER(chatd_ev_leave, ev);
    MEMBER(chatd_ev_leave, room);
    MEMBER(chatd_ev_leave, user);
    STRUCT(chatd_ev_message);
    MEMBER(chatd_ev_message, ev);
    MEMBER(chatd_ev_message, room);
    MEMBER(chatd_ev_message, user);
    MEMBER(chatd_ev_message, cid);
    MEMBER(chatd_ev_message, text);
    MEMBER(chatd_ev_message, seq);
    MEMBER(chatd_ev_message, ts);
    STRUCT(chatd_ev_signal);
    MEMBER(chatd_ev_signal, ev);
    MEMBER(chatd_ev_signal, room);
    MEMBER(chatd_ev_signal, user);
    MEMBER(chatd_ev_signal, kind);
    MEMBER(chatd_ev_signal, on);
    MEMBER(chatd_ev_signal, claimed);
    STRUCT(chatd_ev_deliver);
    MEMBER(chatd_ev_deliver, ev);
    MEMBER(chatd_ev_deliver, room);
    MEMBER(chatd_ev_deliver, user);
    MEMBER(chatd_ev_deliver, text);
    MEMBER(chatd_ev_deliver, seq);
    STRUCT(chatd_ev_signaled);
    MEMBER(chatd_ev_signaled, ev);
    MEMBER(chatd_ev_signaled, room);
    MEMBER(chatd_ev_signaled, user);
    MEMBER(chatd_ev_signaled, kind);
    MEMBER(chatd_ev_signaled, on);
    MEMBER(chatd_ev_signaled, is_local);
    STRUCT(chatd_ev_tick);
    MEMBER(chatd_ev_tick, ev);
    MEMBER(chatd_ev_tick, mono_ms);
    VALUE(CHATD_NEXT);
    VALUE(CHATD_DONE);
    VALUE(CHATD_DENY);
    VALUE(CHATD_WAIT);
    VALUE(CHATD_CHECK);
    VALUE(CHATD_CHANGE);
    VALUE(CHATD_WATCH);
    VALUE(CHATD_NOTIFY);
    VALUE(CHATD_DECIDE);
    VALUE(CHATD_DECIDE_ASYNC);
    CHATD_EVENTS(EVENT)
}

static void in_http(void)
{
    STRUCT(chatd_route_def);
    MEMBER(chatd_route_def, size);
    MEMBER(chatd_route_def, flags);
    MEMBER(chatd_route_def, method);
    MEMBER(chatd_route_def, pattern);
    MEMBER(chatd_route_def, max_body);
    MEMBER(chatd_route_def, handle);
    STRUCT(chatd_request);
    MEMBER(chatd_request, size);
    MEMBER(chatd_request, is_secure);
    MEMBER(chatd_request, method);
    MEMBER(chatd_request, path);
    MEMBER(chatd_request, body);
    MEMBER(chatd_request, address);
    MEMBER(chatd_request, user);
    MEMBER(chatd_request, expires_ms);
    ROW(chatd_header);
    MEMBER(chatd_header, name);
    MEMBER(chatd_header, value);
    STRUCT(chatd_reply);
    MEMBER(chatd_reply, size);
    MEMBER(chatd_reply, status);
    MEMBER(chatd_reply, content_type);
    MEMBER(chatd_reply, body);
    MEMBER(chatd_reply, headers);
    MEMBER(chatd_reply, n_headers);
    MEMBER(chatd_reply, header_stride);
    VALUE(CHATD_ROUTE_LOGIN);
    VALUE(CHATD_ROUTE_IDENTITY);
    VALUE(CHATD_ROUTE_JSON);
    VALUE(CHATD_ROUTE_ANY_ORIGIN);
}

static void in_verb(void)
{
    STRUCT(chatd_ws_def);
    MEMBER(chatd_ws_def, size);
    MEMBER(chatd_ws_def, flags);
    MEMBER(chatd_ws_def, path);
    MEMBER(chatd_ws_def, subprotocol);
    MEMBER(chatd_ws_def, handle);
    STRUCT(chatd_verb_call);
    MEMBER(chatd_verb_call, size);
    MEMBER(chatd_verb_call, conn);
    MEMBER(chatd_verb_call, type);
    MEMBER(chatd_verb_call, id);
    MEMBER(chatd_verb_call, json);
    STRUCT(chatd_verb_def);
    MEMBER(chatd_verb_def, size);
    MEMBER(chatd_verb_def, flags);
    MEMBER(chatd_verb_def, name);
    MEMBER(chatd_verb_def, max_body);
    MEMBER(chatd_verb_def, handle);
    VALUE(CHATD_WS_ANONYMOUS);
    VALUE(CHATD_VERB_LOGIN);
    VALUE(CHATD_VERB_RATE);
}

static void in_service(void)
{
    VALUE(CHATD_SERVICE_SHARED);
    STRUCT(chatd_service_def);
    MEMBER(chatd_service_def, size);
    MEMBER(chatd_service_def, major);
    MEMBER(chatd_service_def, minor);
    MEMBER(chatd_service_def, name);
    MEMBER(chatd_service_def, api);
    MEMBER(chatd_service_def, flags);
    MEMBER(chatd_service_def, reserved);
    STRUCT(chatd_service);
    MEMBER(chatd_service, size);
    MEMBER(chatd_service, major);
    MEMBER(chatd_service, minor);
    MEMBER(chatd_service, api);
    MEMBER(chatd_service, provider);
    MEMBER(chatd_service, provider_name);
}

static void in_task(void)
{
    STRUCT(chatd_job);
    MEMBER(chatd_job, size);
    MEMBER(chatd_job, queue);
    MEMBER(chatd_job, deadline_ms);
    MEMBER(chatd_job, run);
    MEMBER(chatd_job, done);
    MEMBER(chatd_job, release);
    MEMBER(chatd_job, arg);
    VALUE(CHATD_JOB_CPU);
    VALUE(CHATD_JOB_IO);
    VALUE(CHATD_WATCH_READ);
    VALUE(CHATD_WATCH_WRITE);
}

static void in_metric(void)
{
    STRUCT(chatd_metric_def);
    MEMBER(chatd_metric_def, size);
    MEMBER(chatd_metric_def, kind);
    MEMBER(chatd_metric_def, name);
    MEMBER(chatd_metric_def, help);
    MEMBER(chatd_metric_def, label);
    MEMBER(chatd_metric_def, values);
    VALUE(CHATD_COUNTER);
    VALUE(CHATD_GAUGE);
    VALUE(CHATD_HISTOGRAM);
}

static void in_log(void)
{
    VALUE(CHATD_LOG_DEBUG);
    VALUE(CHATD_LOG_INFO);
    VALUE(CHATD_LOG_WARN);
    VALUE(CHATD_LOG_ERROR);
}

int main(void)
{
    printf("abi %d.%d\n", CHATD_ABI_MAJOR, CHATD_ABI_MINOR);
    in_abi();
    in_config();
    in_plugin();
    in_conn();
    in_event();
    in_http();
    in_verb();
    in_service();
    in_task();
    in_metric();
    in_log();
    golden_services();
    if (now.bytes - now.end >= 8)
        fault("at the end");
    return fflush(stdout) == 0 ? 0 : 1;
}
