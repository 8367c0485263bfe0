// SPDX-License-Identifier: Apache-2.0
#include <linux/filter.h>
#include <sys/socket.h>
#include "base/check.h"
#include "os/steer.h"

static uint32_t program_write(struct sock_filter *code, const uint32_t *indices, uint32_t num)
{
    uint32_t len = 0;
    bool in_order = true;
    code[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
    code[len++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, num);
    for (uint32_t i = 0; i < num; i++)
        in_order = in_order && indices[i] == i;
    if (in_order) {
        code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
        return len;
    }
    for (uint32_t i = 0; i + 1 < num; i++) {
        code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, 0, 1);
        code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, indices[i]);
    }
    code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, indices[num - 1]);
    return len;
}

bool os_steer_attach(int fd, const uint32_t *indices, uint32_t num)
{
    struct sock_filter code[2 + 2 * OS_STEER_MAX];
    must(num > 0 && num <= OS_STEER_MAX);
    struct sock_fprog program = { .len = (uint16_t)program_write(code, indices, num), .filter = code };
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) == 0;
}

bool os_steer_detach(int fd)
{
    int none = 0;
    return setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof(none)) == 0;
}
