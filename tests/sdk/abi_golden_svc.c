/* SPDX-License-Identifier: MIT */
/* The part of abi_golden that lists the service contracts. */
#include "abi_golden.h"

#include <chatd/svc/auth.h>
#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>
#include <chatd/svc/rooms.h>

static void in_svc_auth(void)
{
    STRUCT(chatd_auth_identity);
    MEMBER(chatd_auth_identity, size);
    MEMBER(chatd_auth_identity, reserved);
    MEMBER(chatd_auth_identity, user);
    MEMBER(chatd_auth_identity, expires_ms);
    STRUCT(chatd_auth_api);
    MEMBER(chatd_auth_api, size);
    MEMBER(chatd_auth_api, reserved);
    MEMBER(chatd_auth_api, check_token);
}

static void in_svc_bus(void)
{
    STRUCT(chatd_bus_api);
    MEMBER(chatd_bus_api, size);
    MEMBER(chatd_bus_api, reserved);
    MEMBER(chatd_bus_api, publish);
    MEMBER(chatd_bus_api, subscribe);
    MEMBER(chatd_bus_api, unsubscribe);
}

static void in_svc_kv(void)
{
    STRUCT(chatd_kv_reply);
    MEMBER(chatd_kv_reply, size);
    MEMBER(chatd_kv_reply, reserved);
    MEMBER(chatd_kv_reply, value);
    MEMBER(chatd_kv_reply, number);
    ROW(chatd_kv_item);
    MEMBER(chatd_kv_item, key);
    MEMBER(chatd_kv_item, value);
    STRUCT(chatd_kv_scan);
    MEMBER(chatd_kv_scan, size);
    MEMBER(chatd_kv_scan, n);
    MEMBER(chatd_kv_scan, stride);
    MEMBER(chatd_kv_scan, more);
    MEMBER(chatd_kv_scan, items);
    MEMBER(chatd_kv_scan, cursor);
    STRUCT(chatd_kv_api);
    MEMBER(chatd_kv_api, size);
    MEMBER(chatd_kv_api, reserved);
    MEMBER(chatd_kv_api, get);
    MEMBER(chatd_kv_api, put);
    MEMBER(chatd_kv_api, put_absent);
    MEMBER(chatd_kv_api, cas);
    MEMBER(chatd_kv_api, add);
    MEMBER(chatd_kv_api, del);
    MEMBER(chatd_kv_api, scan);
}

static void in_svc_log(void)
{
    FROZEN(chatd_log_position);
    MEMBER(chatd_log_position, epoch);
    MEMBER(chatd_log_position, seq);
    STRUCT(chatd_log_entry);
    MEMBER(chatd_log_entry, size);
    MEMBER(chatd_log_entry, dedup_ms);
    MEMBER(chatd_log_entry, room);
    MEMBER(chatd_log_entry, user);
    MEMBER(chatd_log_entry, cid);
    MEMBER(chatd_log_entry, record);
    STRUCT(chatd_log_appended);
    MEMBER(chatd_log_appended, size);
    MEMBER(chatd_log_appended, duplicate);
    MEMBER(chatd_log_appended, epoch);
    MEMBER(chatd_log_appended, seq);
    MEMBER(chatd_log_appended, ts);
    ROW(chatd_log_record);
    MEMBER(chatd_log_record, seq);
    MEMBER(chatd_log_record, ts);
    MEMBER(chatd_log_record, record);
    STRUCT(chatd_log_page);
    MEMBER(chatd_log_page, size);
    MEMBER(chatd_log_page, more);
    MEMBER(chatd_log_page, epoch);
    MEMBER(chatd_log_page, top);
    MEMBER(chatd_log_page, records);
    MEMBER(chatd_log_page, n);
    MEMBER(chatd_log_page, stride);
    MEMBER(chatd_log_page, previous);
    MEMBER(chatd_log_page, common);
    STRUCT(chatd_log_listener);
    MEMBER(chatd_log_listener, size);
    MEMBER(chatd_log_listener, reserved);
    MEMBER(chatd_log_listener, record);
    MEMBER(chatd_log_listener, reset);
    MEMBER(chatd_log_listener, trimmed);
    MEMBER(chatd_log_listener, forgotten);
    STRUCT(chatd_log_api);
    MEMBER(chatd_log_api, size);
    MEMBER(chatd_log_api, reserved);
    MEMBER(chatd_log_api, append);
    MEMBER(chatd_log_api, range);
    MEMBER(chatd_log_api, subscribe);
    MEMBER(chatd_log_api, unsubscribe);
    VALUE(CHATD_LOG_BEFORE);
    VALUE(CHATD_LOG_AFTER);
}

static void in_svc_rooms(void)
{
    STRUCT(chatd_rooms_message);
    MEMBER(chatd_rooms_message, size);
    MEMBER(chatd_rooms_message, reserved);
    MEMBER(chatd_rooms_message, conn);
    MEMBER(chatd_rooms_message, room);
    MEMBER(chatd_rooms_message, user);
    MEMBER(chatd_rooms_message, text);
    MEMBER(chatd_rooms_message, cid);
    STRUCT(chatd_rooms_published);
    MEMBER(chatd_rooms_published, size);
    MEMBER(chatd_rooms_published, duplicate);
    MEMBER(chatd_rooms_published, seq);
    MEMBER(chatd_rooms_published, ts);
    MEMBER(chatd_rooms_published, code);
    MEMBER(chatd_rooms_published, text);
    STRUCT(chatd_rooms_api);
    MEMBER(chatd_rooms_api, size);
    MEMBER(chatd_rooms_api, reserved);
    MEMBER(chatd_rooms_api, is_member);
    MEMBER(chatd_rooms_api, publish);
    MEMBER(chatd_rooms_api, signal);
    MEMBER(chatd_rooms_api, each_member);
    MEMBER(chatd_rooms_api, signal_here);
}

void golden_services(void)
{
    in_svc_auth();
    in_svc_bus();
    in_svc_kv();
    in_svc_log();
    in_svc_rooms();
}
