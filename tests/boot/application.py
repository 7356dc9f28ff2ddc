# SPDX-License-Identifier: Apache-2.0
"""What an application finds when it starts, and what its end looks like from outside."""
import rig
from rig import E

PARTS = rig.Parts()


def boot(argv, tree=(), mem='256M', **config):
    return rig.Boot(PARTS.eif(E.app_ramdisk(rig.probe_tree(*tree), ['/probe', *argv], **config)),
                    mem=mem)


def an_image_with_one_static_binary_starts_and_ends_in_order():
    b = boot(['id'])
    b.expect('rt:01 ', 'rt:02 ', 'rt:03 nsm ready', 'rt:04 ', 'rt:05 heartbeat answered', 'rt:06 ',
             'rt:07 image complete', 'rt:08 ', 'rt:10 ', 'cwd /', 'probe done',
             'rt:20 application exited 0', 'rt:21 end')
    assert b.status == 0 and ', 1 heartbeats' in b.stderr, b.tail()


def user_groups_environment_and_directory_are_the_configs():
    b = boot(['id'], [E.directory('rootfs/srv', 0o700, uid=1000, gid=100)], uid=1000, gid=100,
             groups=[7, 42, 0x3fffffff], cwd=b'/srv', env=[b'A=1', b'B=two words', b'EMPTY='])
    b.expect('pid 2 ids 1000 1000 100 100 groups 7 42 1073741823', 'cwd /srv',
             'umask 0022 no_new_privs 1', 'env A=1', 'env B=two words', 'env EMPTY=',
             'rt:20 application exited 0')
    assert len(b.all('env ')) == 3, b.tail()


def its_exit_status_is_on_the_console():
    boot(['exit=7']).expect('rt:20 application exited 7', 'rt:21 end')


def so_is_the_signal_that_killed_it():
    boot(['signal=9']).expect('rt:20 application killed by signal 9', 'rt:21 end')


def orphans_are_reaped():
    boot(['zombies=40']).expect('zombies 0 of 40', 'rt:20 application exited 0')


def a_missing_executable_is_a_refusal_with_a_code():
    b = rig.Boot(PARTS.eif(E.app_ramdisk(rig.probe_tree(), ['/no/such/program'])))
    b.expect('rt:E22 ')
    assert '/no/such/program' in b.find('rt:E22 '), b.tail()
    b.expect_not('rt:20 ')


def a_file_that_is_no_program_is_a_refusal_with_a_code():
    b = rig.Boot(PARTS.eif(E.app_ramdisk(
        [E.regular('rootfs/text', b'not a program', 0o755)], ['/text'])))
    b.expect('rt:E22 ')


def it_listens_on_loopback_on_any_port():
    boot(['listen=80', 'listen=8080'], uid=1000, gid=1000).expect(
        'listening on 80', 'listening on 8080')


def its_dev_is_ours():
    b = boot(['pcrs', 'open=/dev/nsm', 'open=/dev/null', 'open=/dev/mem'])
    b.expect('nsm: No such file or directory', 'open /dev/nsm: No such file',
             'open /dev/null: ok', 'open /dev/mem: No such file', 'probe done')


def a_device_node_of_the_image_opens_nothing():
    node = E.Entry('rootfs/mem', 0o20666, rdev=(1, 1))
    null = E.Entry('rootfs/null', 0o20666, rdev=(1, 3))
    boot(['open=/mem', 'open=/null'], [node, null]).expect(
        'open /mem: Permission denied', 'open /null: Permission denied', 'probe done')


rig.run([
    an_image_with_one_static_binary_starts_and_ends_in_order,
    user_groups_environment_and_directory_are_the_configs,
    its_exit_status_is_on_the_console,
    so_is_the_signal_that_killed_it,
    orphans_are_reaped,
    a_missing_executable_is_a_refusal_with_a_code,
    a_file_that_is_no_program_is_a_refusal_with_a_code,
    it_listens_on_loopback_on_any_port,
    its_dev_is_ours,
    a_device_node_of_the_image_opens_nothing,
])
