/* SPDX-License-Identifier: MIT */
/* How the two files of abi_golden list structs and enumerators. */
#ifndef ABI_GOLDEN_H
#define ABI_GOLDEN_H

#include <stddef.h>
#include <stdio.h>

/* Begins a record's list; `kind` is struct, row or frozen. */
void golden_record(const char *kind, const char *name, size_t bytes);

/* The record's next member; exits where one between it and the last was left out. */
void golden_member(const char *record, const char *name, size_t offset, size_t bytes);

/* Lists what is in chatd/svc/. */
void golden_services(void);

/* STRUCT, ROW and MEMBER take the tag of a struct; TYPE and PART are for typedefs. */
#define STRUCT(tag)       golden_record("struct", #tag, sizeof(struct tag))
#define ROW(tag)          golden_record("row", #tag, sizeof(struct tag))
#define FROZEN(tag)       golden_record("frozen", #tag, sizeof(struct tag))
#define TYPE(type)        golden_record("frozen", #type, sizeof(type))
#define MEMBER(tag, name) PART_OF(#tag, struct tag, name)
#define PART(type, name)  PART_OF(#type, type, name)
#define PART_OF(shown, type, name) \
    golden_member(shown, #name, offsetof(type, name), sizeof(((type *)0)->name))
#define VALUE(name) printf("value %s %lld\n", #name, (long long)(name))
#define EVENT(id, name, payload, kind, owner) \
    printf("event %s %d %s %s %s\n", #name, (id), #kind, #payload, (owner));

#endif
