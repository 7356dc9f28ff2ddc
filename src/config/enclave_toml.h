/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/field.h"

/*
 * enclave.toml: what the user writes. docs/formats/enclave-toml.md describes every key.
 *
 * Reading is strict, and it decides nothing: no file that the text names is looked at. Absent text
 * is NULL, absent numbers are 0, other defaults are those of cfg_enclave_init().
 */
#define CFG_ENCLAVE_MAX ((size_t)256 * 1024)
#define CFG_INGRESS_MAX 64u

enum cfg_tls { CFG_TLS_NONE, CFG_TLS_PASSTHROUGH, CFG_TLS_ATTESTED };
enum cfg_restart { CFG_RESTART_NEVER, CFG_RESTART_ON_FAILURE, CFG_RESTART_ALWAYS };
enum cfg_epoch { CFG_EPOCH_UNSET, CFG_EPOCH_FIXED, CFG_EPOCH_COMMIT };

struct cfg_ingress {
	uint64_t port; /* 1 … 65535 */
	uint64_t to;   /* 0 = port */
	char *tls_text;
	enum cfg_tls tls;
	char *proto_text; /* NULL = "tcp" */
	bool udp;
	bool proxy;
	struct cfg_texts alpn;
	bool http;
};

struct cfg_secret {
	char *name;
	char *from; /* "sha256:…", as written */
	bool required;
	char *as_text; /* NULL = "env" */
	bool file;
};

struct cfg_app {
	struct cfg_texts command; /* n 0 = the image's own */
	char *user;
	char *workdir;
	char *stop_signal;
	struct cfg_pairs env;
	bool new_privileges;
	bool nsm;
	char *restart_text;
	enum cfg_restart restart;
	uint64_t stop_grace; /* seconds */
};

struct cfg_build {
	struct cfg_pairs args;
	struct cfg_pairs secrets; /* id → file */
	char *target;
	char *platform;         /* "linux/amd64" */
	char *engine;           /* "auto", "buildah", "buildkit"; NULL = auto */
	bool keep_modes;        /* of the context's files */
	bool hermetic;          /* steps see the same, always; true by default */
	bool hermetic_asked;    /* the file itself says so: an engine that cannot is an error */
	uint64_t processors;    /* that hermetic steps are told; 0 = the usual number */
	char *trust;            /* "bundles", "variables"; NULL = bundles */
	char *level;            /* of all steps: "light", "full"; "auto", NULL: each step's own */
	struct cfg_texts local; /* "host:port": of this machine, for hermetic steps all the same */
	struct cfg_texts unrecorded; /* "host:port": what hermetic steps reach past the recorder */
	struct cfg_texts allow_keys; /* paths of keys that a hermetic step may make */
};

/* [normalize]: names of rows of the table of normalisers; whether there are such rows is not known
 * here. */
struct cfg_switches {
	struct cfg_texts on;
	struct cfg_texts off;
};

/* Neither http nor tcp: nothing is checked. */
struct cfg_health {
	char *http; /* the path */
	bool tcp;
	uint64_t port;     /* of a check: never 0 after reading */
	uint64_t interval; /* seconds */
	uint64_t timeout;  /* seconds */
	uint64_t failures;
};

struct cfg_enclave {
	char *name;
	char *version;
	char *dockerfile; /* relative to the file */
	char *image;      /* instead of a Dockerfile */
	char *context;    /* relative to the file */
	char *arch;       /* "x86_64", "aarch64" */
	enum cfg_epoch epoch_kind;
	uint32_t epoch;
	struct cfg_app app;
	struct cfg_build build;
	struct cfg_switches normalize;
	struct cfg_list ingress; /* of struct cfg_ingress */
	struct cfg_list secrets; /* of struct cfg_secret */
	struct cfg_texts egress; /* rules of fmt/egress.h */
	struct cfg_health health;
	bool logs; /* lines go to the host */
	uint64_t max_slew_ms;
	uint64_t memory_mib; /* 0 = unset */
	uint64_t cpus;       /* 0 = unset */
	char *certificate;
	char *key;
};

/* What an empty file says. */
SS_NONNULL void cfg_enclave_init(struct cfg_enclave *ret);
/* On failure *ret is empty and needs no cfg_enclave_done(). */
SS_MUST_CHECK SS_NONNULL int cfg_enclave_read(struct ss_span in, struct cfg_enclave *ret,
					      struct ss_err *err);
/* The file at `path`; errors name it. */
SS_MUST_CHECK SS_NONNULL int cfg_enclave_load(const char *path, struct cfg_enclave *ret,
					      struct ss_err *err);
SS_NONNULL void cfg_enclave_done(struct cfg_enclave *c);

/* The keys of the file; for the test that all are documented. */
extern const struct cfg_field cfg_enclave_fields[];

/* 0 … 2^32 - 1; `what` is "--source-date-epoch" or the like. */
SS_MUST_CHECK SS_NONNULL int cfg_epoch_check(int64_t v, const char *what, uint32_t *ret,
					     struct ss_err *err);
/* ImageName, and the name of the output: letters, digits and . _ -, at most 128, not first a dot.
 */
SS_MUST_CHECK SS_NONNULL bool cfg_is_name(const char *s);
