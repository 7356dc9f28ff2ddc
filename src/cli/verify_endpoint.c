/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify_endpoint.h"

#include <string.h>

int cli_endpoint_ask(struct cli_endpoint *ep, struct ss_buf *document, struct ss_err *err)
{
	AUTO_EVIDENCE struct ep_evidence e = EP_EVIDENCE_INIT;

	if ((ep->sender != NULL ? ep_conn_open_as(&ep->url, ep->sender, &ep->conn, err)
				: ep_conn_open(&ep->url, &ep->conn, err)) < 0 ||
	    ep_fetch(ep->conn, &ep->url, &e, err) < 0)
		return -1;
	memcpy(ep->nonce, e.nonce, sizeof(ep->nonce));
	ss_buf_put(document, ss_buf_span(&e.document));
	ep->peer.spki = ep_conn_spki(ep->conn);
	ep->peer.webpki_name = ep_conn_is_webpki(ep->conn) ? ep->url.host : NULL;
	ep->peer.own_roots = ep_conn_has_own_roots();
	return 0;
}

void cli_endpoint_done(struct cli_endpoint *ep)
{
	ep_conn_free(ep->conn);
}
