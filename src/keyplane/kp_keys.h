/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "fmt/cms.h"
#include "keyplane/kp_ask.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The process that has the application's keys for AWS KMS (docs/formats/recipient.md): keyplane's
 * child, made before there is any other key. It makes keys and unwraps messages, one thing at a
 * time, as long as keyplane lives; what takes a tenth of a second there holds nobody up here, and
 * what an application sends is parsed where there is no TLS key.
 *
 * Datagrams over a SOCK_SEQPACKET pair, each a struct kp_keys_head and `n` bytes; a question is
 * answered before the next one comes.
 */
enum kp_keys_what {
	/* to it */
	KP_KEYS_NEW = 1,
	KP_KEYS_UNWRAP, /* key; the message */
	/* from it */
	KP_KEYS_DONE, /* NEW: key; its SPKI. UNWRAP: the plaintext */
	KP_KEYS_FAILED,
};

struct kp_keys_head {
	uint32_t what;
	uint32_t n;
	uint8_t key[KP_KEY]; /* the SHA-256 of its SPKI */
};

#define KP_KEYS_MAX_TEXT CMS_MAX_MESSAGE

/*
 * Parts it off. In the child *ret_is_child is true, and every descriptor but those of the messages
 * to people (0 to 2) and *ret_fd is closed.
 */
SS_MUST_CHECK SS_NONNULL int kp_keys_part(int *ret_fd, bool *ret_is_child, struct ss_err *err);
/* What the child does. Ends with keyplane. */
SS_NORETURN void kp_keys_serve(int fd);
