# SPDX-License-Identifier: Apache-2.0
"""`selfsame run` in the foreground, of images with one static program and nothing else: registers,
every end and its exit status, restarts, stops, the smallest memory, a QEMU without an NSM."""
import json
import os
import re
import signal
import stat

import rig
import running

LOGS = '[logs]\nhost = true\n'
PLACE = None


def image(words, toml='', app=''):
    """An EIF that runs /probe with these words; (path, measurements)."""
    n = sum(x.startswith('image') for x in os.listdir(PLACE.dir))
    folder = os.path.join(PLACE.dir, 'image%d' % n)
    root = os.path.join(folder, 'root')
    os.makedirs(root)
    with open(os.path.join(root, 'probe'), 'wb') as f:
        f.write(rig.load(rig.PROBE))
    os.chmod(f.name, 0o755)
    command = ', '.join('"%s"' % w for w in ['/probe', *words])
    return running.build(folder, root, '[app]\ncommand = [%s]\n%s%s' % (command, app, toml))


def expect(got, status, *err):
    assert got[0] == status, got
    for line in err:
        assert line in got[2], (line, got)
    assert os.listdir(os.path.join(PLACE.dir, 'run', 'selfsame')) == []
    return got


def a_static_program_ends_well_and_its_registers_are_the_measured_ones():
    eif, m = image(['pcrs', 'id', 'stderr=word', 'exit=0'], LOGS, 'nsm = true\n')
    status, out, err = PLACE.run(eif, '--json')
    doc = json.loads(out)
    assert status == 0 and doc['End'] == {'Kind': 'exited', 'Status': 0, 'Signal': None,
                                          'Reason': '', 'ExitStatus': 0}, (status, doc, err)
    assert [doc['Measurements'][k] for k in ('PCR0', 'PCR1', 'PCR2')] == \
        [m[k] for k in ('PCR0', 'PCR1', 'PCR2')]
    inside = dict(re.findall(r'^pcr(\d+) .*?([0-9a-f]{96})', err, re.M))
    assert [inside[k] for k in '012'] == [m['PCR' + k] for k in '012'], err
    assert 'selfsame: ready\n' in err and '\nword\n' in err, err


def its_status_is_runs_and_children_it_left_are_reaped():
    # Nothing leaves this one but its console, which is shown.
    eif, _ = image(['zombies=40', 'exit=7'])
    _, out, _ = expect(PLACE.run(eif), 7, 'selfsame: app: exited 7\n')
    assert '\nzombies 0 of 40\n' in out and '\nrt:20 application exited 7\n' in out, out


def a_signal_is_128_and_more_and_the_least_memory_is_enough():
    eif, _ = image(['signal=11'], LOGS)
    _, _, err = expect(PLACE.run(eif, '--memory', '1'), 125, '--memory: 1 MiB are too few')
    need = int(re.search(r'this image needs (\d+) MiB$', err, re.M).group(1))
    expect(PLACE.run(eif, '--memory', str(need - 1)), 125, 'this image needs %d MiB' % need)
    expect(PLACE.run(eif, '--memory', str(need)), 139, ' %d MiB, 1 CPU,' % need,
           'app: killed by signal 11 (SIGSEGV)\n')


def a_program_that_does_not_start_is_our_failure_with_its_reason():
    folder = os.path.join(PLACE.dir, 'broken')
    root = os.path.join(folder, 'root')
    os.makedirs(root)
    with open(os.path.join(root, 'app'), 'w', encoding='ascii') as f:
        f.write('#!/no/interpreter\n')
    os.chmod(f.name, 0o755)
    eif, _ = running.build(folder, root, '[app]\ncommand = ["/app"]\n' + LOGS)
    status, out, err = PLACE.run(eif, '--json')
    end = json.loads(out)['End']
    assert status == 125 == end['ExitStatus'] and end['Kind'] == 'stopped', (end, err)
    assert end['Reason'] == "rt:E22 cannot start '/app': the interpreter or loader that it " \
        'names is not in the image', end


def restarts_go_on_until_it_is_stopped():
    eif, _ = image(['flag=/runs', 'exit=5'], LOGS, 'restart = "on-failure"\n')
    p = PLACE.start(eif)
    running.wait_for(lambda: 'flag 3\n' in running.text(p.out) or p.poll() is not None, 'restarts')
    p.send_signal(signal.SIGTERM)
    p.wait(running.LIMIT)
    out, err = running.text(p.out), running.text(p.err)
    assert out.startswith('flag 1\nflag 2\nflag 3\n'), (out, err)
    assert err.count('selfsame: restarting') >= 2, err
    expect((p.returncode, out, err), 5, 'selfsame: app: exited 5')


def a_program_that_is_deaf_is_killed_after_the_grace():
    eif, _ = image(['deaf'], LOGS, 'stop_grace = 1\n')
    p = PLACE.start(eif)
    running.wait_for(lambda: 'waiting for' in running.text(p.out) or p.poll() is not None, 'it')
    p.send_signal(signal.SIGINT)
    p.wait(running.LIMIT)
    expect((p.returncode, running.text(p.out), running.text(p.err)), 137, 'selfsame: draining\n',
           'app: killed by signal 9 (SIGKILL)')


def a_qemu_without_the_machine_has_no_nsm_and_says_so():
    real = PLACE.env['SELFSAME_QEMU']
    fake = os.path.join(PLACE.dir, 'qemu')
    with open(fake, 'w', encoding='utf-8') as f:
        f.write('#!/bin/sh\nset -e\n[ "$1 $2" != "-M help" ] || { echo "microvm  x"; exit 0; }\n'
                'exec "%s" -L "%s" "$@"\n' % (real, os.path.dirname(real)))
    os.chmod(fake, stat.S_IRWXU)
    eif, _ = image(['pcrs', 'exit=6'], LOGS)
    PLACE.env['SELFSAME_QEMU'] = fake
    try:
        expect(PLACE.run(eif), 6, 'selfsame: app: qemu microvm', 'selfsame: this QEMU has no '
               'nitro-enclave machine, so there is no NSM', 'enclave: rt:03 no nsm')
    finally:
        PLACE.env['SELFSAME_QEMU'] = real


with running.Place() as PLACE:
    rig.run([
        a_static_program_ends_well_and_its_registers_are_the_measured_ones,
        its_status_is_runs_and_children_it_left_are_reaped,
        a_signal_is_128_and_more_and_the_least_memory_is_enough,
        a_program_that_does_not_start_is_our_failure_with_its_reason,
        restarts_go_on_until_it_is_stopped,
        a_program_that_is_deaf_is_killed_after_the_grace,
        a_qemu_without_the_machine_has_no_nsm_and_says_so,
    ])
