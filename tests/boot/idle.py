# SPDX-License-Identifier: Apache-2.0
"""Ten thousand connections that wait, inside an enclave: what they cost, and who is one too many."""
import crowd
import rig
from caller import Host

IDLE = 10000
LIMIT = 64  # MiB


def ten_thousand_idle_connections_cost_little():
    with crowd.boot() as g:
        h = Host(g)
        _, mib = crowd.fill(g, h, IDLE)
        print('# MiB: ' + ', '.join('%s %.1f' % x for x in mib.items()))
        assert 0 < mib['dataplane'] <= LIMIT, mib
        crowd.call(g, crowd.MOST - IDLE)
        over = crowd.call(g, 1)
        assert crowd.all_answer(over) == 1, 'one more than a listener has room for was served'
        assert crowd.all_answer(g.calls[1:-1]) == 0
        m = crowd.metrics(h)
        refused = m['ingress_refused_total' + crowd.LABELS + ',reason="limit"}']
        taken = m['ingress_connections_total' + crowd.LABELS + '}']
        assert (taken, refused) == (crowd.MOST, 1), (taken, refused)


rig.run([ten_thousand_idle_connections_cost_little])
