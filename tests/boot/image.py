# SPDX-License-Identifier: Apache-2.0
"""From an OCI image through `selfsame build` to a running application."""
import re

import rig
from one_layer import PROBE, Image



def a_static_binary_on_scratch_starts():
    image = Image([PROBE], {'Entrypoint': ['/probe'], 'Cmd': ['id', 'exit=3']})
    image.boot().expect('pid 2 ids 0 0 0 0 groups', 'cwd /', 'rt:20 application exited 3')


def user_groups_environment_and_directory_come_from_the_image():
    image = Image([
        PROBE, ('etc', 0o755, None),
        ('etc/passwd', 0o644, b'root:x:0:0::/root:/bin/sh\napp:x:1001:100:An app:/srv:/bin/sh\n'),
        ('etc/group', 0o644, b'root:x:0:\nusers:x:100:\nwheel:x:10:root,app\ndata:x:77:app\n'),
        ('srv', 0o755, None), ('srv/data', 0o755, None),
    ], {'Entrypoint': ['/probe', 'id'], 'User': 'app', 'WorkingDir': '/srv/data',
        'Env': ['LOG=info', 'TEXT=with = and spaces', 'PATH=/']})
    image.boot().expect('pid 2 ids 1001 1001 100 100 groups 10 77', 'cwd /srv/data',
                        'env LOG=info', 'env TEXT=with = and spaces', 'env PATH=/',
                        'rt:20 application exited 0')


def a_program_on_the_path_of_the_image_is_found():
    image = Image([('opt', 0o755, None), ('opt/bin', 0o755, None), ('opt/bin/probe',) + PROBE[1:]],
                  {'Cmd': ['probe', 'id'], 'Env': ['PATH=/usr/bin:/opt/bin']})
    image.boot().expect('pid 2 ids 0 0 0 0', 'rt:20 application exited 0')


def an_image_with_its_own_init_starts_what_it_names():
    image = Image([PROBE, ('init', 0o755, b'#!/probe exit=77\n')], {'Cmd': ['/probe', 'id']})
    image.boot().expect('rt:02 mounts ready', 'pid 2 ids 0 0 0 0', 'rt:20 application exited 0')


def it_starts_in_the_memory_that_build_names_and_not_in_4_MiB_less():
    image = Image([PROBE, ('large', 0o644, bytes(50 << 20))], {'Cmd': ['/probe', 'count=/large']})
    need = int(re.search(r'(\d+) MiB', re.search(r'.*memory.*', image.said)[0])[1])
    print('# build names %d MiB' % need)
    image.boot(mem='%dM' % need).expect('counted 1 entries 52428800 bytes',
                                        'rt:20 application exited 0')
    less = image.boot(mem='%dM' % (need - 4)).stopped(17)
    more = int(re.search(r'give the enclave (\d+) MiB more', less.find('rt:E17 '))[1])
    assert abs(need - 4 + more - need) <= 3, less.find('rt:E17 ')


rig.run([
    a_static_binary_on_scratch_starts,
    user_groups_environment_and_directory_come_from_the_image,
    a_program_on_the_path_of_the_image_is_found,
    an_image_with_its_own_init_starts_what_it_names,
    it_starts_in_the_memory_that_build_names_and_not_in_4_MiB_less,
])
