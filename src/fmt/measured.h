/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/*
 * The measured configuration: the first entry of ramdisk 1, a regular file named "config", which
 * tells the runtime what to start and what must have arrived. PCR2 covers it.
 *
 * Layout 1 of ramdisk 1: "config", then "rootfs" (the image's root directory) and all below it, in
 * canonical order, inodes from 1, then the trailer. Nothing else.
 *
 * Encoding: one CBOR map, text keys in the order of this struct (see docs/formats/measured.md),
 * definite lengths, shortest integers, every key present, strings as byte strings (an image's
 * arguments need not be UTF-8). The reader (measured.c) accepts only what the writer
 * (measured_write.c) would write, allocates nothing, and its spans borrow from the bytes it was
 * given.
 */
#define MC_VERSION 1u
#define MC_KEYS 22u
#define MC_MAX_SIZE ((size_t)1024 * 1024)
#define MC_MAX_STRINGS 4096u     /* argv and env together */
#define MC_MAX_STRING (1u << 17) /* Linux's MAX_ARG_STRLEN, with the NUL */
#define MC_MAX_ENTRIES (UINT32_MAX / 2)
#define MC_MAX_GROUPS 64u
#define MC_MAX_INGRESS 64u
#define MC_MAX_XATTRS 4096u
#define MC_MAX_XATTR 4096u    /* bytes of one value */
#define MC_ID_MAX 0x3fffffffu /* ids 0 … 2^30 - 1 have a place in the app's namespace */
#define MC_MAX_PATH 1024u     /* of the health check: it has to fit into a request's line */
#define MC_MAX_INTERVAL_MS 3600000u
#define MC_MAX_TIMEOUT_MS 600000u
#define MC_MAX_FAILURES 100u
#define MC_MAX_GRACE_MS 600000u
#define MC_MAX_CLOCK_MS 3600000u

enum mc_tls { MC_TLS_NONE, MC_TLS_PASSTHROUGH, MC_TLS_ATTESTED };

enum mc_restart { MC_RESTART_NEVER, MC_RESTART_ON_FAILURE, MC_RESTART_ALWAYS };
enum mc_check { MC_CHECK_NONE, MC_CHECK_TCP, MC_CHECK_HTTP };

struct mc_health {
	enum mc_check check;
	uint16_t port;        /* on 127.0.0.1; 0 for MC_CHECK_NONE */
	uint32_t interval_ms; /* between checks that went well or not */
	uint32_t timeout_ms;
	uint32_t failures;   /* in a row, until it is failing */
	struct ss_span path; /* HTTP: GET of this; 2xx and 3xx are well */
};

/* A counted sequence that still lies encoded in the config: read it with mc_next_*(). */
struct mc_list {
	struct ss_span raw; /* the encoded items, one after the other */
	size_t n;
};

#define MC_MAX_ALPN 16u
#define MC_MAX_ALPN_NAME 255u
#define MC_ALPN_SERVICE "selfsame/1" /* always on, so never listed */

#define MC_ALPN_SECRETS "selfsame-secrets/1" /* on where there are secrets, so never listed */

/* Secrets that come after the start (docs/formats/endpoint.md, "Secrets"). */
#define MC_MAX_SECRETS 32u
#define MC_MAX_SECRET_NAME 64u
#define MC_SECRET_FROM 32u
#define MC_MAX_SECRET ((size_t)64 * 1024)     /* bytes of a value */
#define MC_MAX_SECRET_ENV ((size_t)32 * 1024) /* all of them fit into what exec takes */

struct mc_secret {
	struct ss_span name; /* a letter or '_', then letters, digits and '_' */
	struct ss_span from; /* SHA-256 of the sender's SPKI: MC_SECRET_FROM bytes */
	bool required;       /* the application does not start before it came */
	bool file;           /* else it is an environment variable */
};

struct mc_ingress {
	uint16_t port; /* host side and vsock port; not one of the reserved ones (fmt/frame.h) */
	uint16_t to;   /* port inside, on 127.0.0.1 */
	enum mc_tls tls;
	bool udp;   /* "udp": datagrams, not a stream; then tls is none */
	bool proxy; /* "proxy": a PROXY v2 header goes before the bytes */
	bool http;  /* "http": attested only: the path answers, too (docs/formats/endpoint.md) */
	struct mc_list alpn; /* "alpn": [bstr], attested only: what the application speaks */
};

struct mc_config {
	uint32_t version;       /* "selfsame": MC_VERSION */
	uint32_t entries;       /* "entries": archive entries after this one, without the trailer */
	uint64_t bytes;         /* "bytes": sum of the sizes of their bodies */
	uint64_t pages;         /* "pages": 4 KiB pages of those that are regular files */
	struct mc_list argv;    /* "argv": [bstr], at least one; argv[0] is what is executed */
	struct mc_list env;     /* "env": [bstr] "NAME=value" */
	struct ss_span cwd;     /* "cwd": bstr, absolute */
	uint32_t uid;           /* "uid" */
	uint32_t gid;           /* "gid" */
	struct mc_list groups;  /* "groups": [uint], supplementary */
	uint32_t stop_signal;   /* "stop_signal": 1 … 64 */
	bool new_privileges;    /* "new_privileges" */
	bool nsm;               /* "nsm": /dev/nsm for the application */
	struct mc_list ingress; /* "ingress": [{"port","to","tls","udp","proxy","http","alpn"}] */
	struct mc_list egress;  /* "egress": [bstr], each a rule of fmt/egress.h */
	struct mc_list secrets; /* "secrets": [{"name","from","required","file"}] */
	/* "health": {"check","port","interval","timeout","failures","path"} */
	struct mc_health health;
	enum mc_restart restart; /* "restart" */
	uint32_t grace_ms;       /* "grace": from the stop signal to SIGKILL */
	uint32_t clock_ms;       /* "clock": what the host may move the clock by after boot */
	bool logs;               /* "logs": lines go to the host */
	struct mc_list xattrs;   /* "xattrs": [[path, name, value]], in archive order */
};

SS_MUST_CHECK SS_NONNULL int mc_read(struct ss_span in, struct mc_config *ret, struct ss_err *err);

/* An xattr's path is a name of the archive ("rootfs/usr/bin/ping"); its name is one of three:
 * security.capability, system.posix_acl_access, system.posix_acl_default.
 *
 * Each takes the next item off the front of the list; false when it is empty. mc_read() has
 * checked every item, so these cannot fail. */
SS_NONNULL bool mc_next_string(struct mc_list *l, struct ss_span *ret);
SS_NONNULL bool mc_next_uint(struct mc_list *l, uint32_t *ret);
SS_NONNULL bool mc_next_ingress(struct mc_list *l, struct mc_ingress *ret);
SS_NONNULL bool mc_next_secret(struct mc_list *l, struct mc_secret *ret);
SS_NONNULL bool mc_next_xattr(struct mc_list *l, struct ss_span *path, struct ss_span *name,
			      struct ss_span *value);
/* Absolute, and fit for a request's line: no blanks, no control bytes, nothing beyond ASCII. */
SS_MUST_CHECK bool mc_is_path(struct ss_span s);
/* At most MC_MAX_SECRET_NAME bytes. */
SS_MUST_CHECK bool mc_is_secret_name(struct ss_span s);
/* Of an ingress: FRAME_PORT_HEARTBEAT … FRAME_PORT_RESERVED_LAST are not to be had. */
bool mc_is_reserved(uint64_t port);

/* Building: append items to raw buffers, then write the whole. */
SS_NONNULL void mc_put_string(struct ss_buf *raw, struct ss_span s);
SS_NONNULL void mc_put_uint(struct ss_buf *raw, uint32_t v);
SS_NONNULL void mc_put_ingress(struct ss_buf *raw, const struct mc_ingress *in);
SS_NONNULL void mc_put_secret(struct ss_buf *raw, const struct mc_secret *s);
SS_NONNULL void mc_put_xattr(struct ss_buf *raw, struct ss_span path, struct ss_span name,
			     struct ss_span value);
SS_NONNULL void mc_write(const struct mc_config *c, struct ss_buf *b);

/*
 * The memory in bytes that an enclave needs to start this image. One formula for `build`, `run`
 * and the runtime's own refusal: mc_tree_need() is what must be available when ramdisk 1 is about
 * to be unpacked (the tree's pages, its inodes and names, and a reserve for the application);
 * mc_memory_need() adds what has gone by then: the kernel, the ramdisks, which stay in memory
 * beside the tree, and the kernel's own tables. How it was measured: docs/formats/ramdisk.md.
 */
uint64_t mc_tree_need(uint64_t entries, uint64_t pages);
uint64_t mc_memory_need(uint64_t kernel_bytes, uint64_t ramdisk_bytes, uint64_t entries,
			uint64_t pages);
