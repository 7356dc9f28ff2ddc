/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

/*
 * A trust store that every Java reads (JKS, version 2, as OpenJDK's JavaKeyStore.java writes it):
 * Java looks at no file in PEM. One certificate, no time of its own, the password that all such
 * stores have.
 */
#define REC_JKS_ALIAS "selfsame"
#define REC_JKS_PASSWORD "changeit"

/* Appends a store that trusts the certificate `der`. */
SS_MUST_CHECK SS_NONNULL int rec_jks_write(struct ss_span der, struct ss_buf *ret,
					   struct ss_err *err);
