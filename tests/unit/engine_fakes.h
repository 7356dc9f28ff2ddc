/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "engine/engine.h"
#include "expect.h"

/*
 * The engines here are small scripts that write down how they were called and do what the test
 * says; real ones build in tests/e2e.
 */

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
/* Of the manifest that the fake skopeo prints: {"name":"docker://debian…"} and a newline. */
#define SKOPEO_OF "printf '{\"name\":\"%s\"}' docker://docker.io/library/debian:12 | sha256sum"

extern char top[];
extern const char buildah_ok[], buildah_fails[], skopeo_ok[];
extern struct cfg_pairs args, secrets; /* of request() */

void sh(const char *script);
/* A program `name` that appends its words to `calls`, then runs `body`. */
void fake(const char *name, const char *body);
char *load(const char *name, char *buf, size_t size);
struct engine_request request(const char *engine);
unsigned count_work(void);
/* "TOP" in `want` is the temporary folder. */
void expect_error(const struct engine_request *r, enum ss_code code, const char *want);
struct engine_result expect_built(const struct engine_request *r);
int set_up(void **state);
/* Only the fakes and what scripts need; the real engines of this machine are out of sight. */
int each(void **state);
int tear_down(void **state);
