// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "admin/frontend.h"
#include "admin/session.h"
#include "base/slice.h"
#include "proxy/conf.h"

const struct proxy_conf *admin_frontend_named(struct admin_call *call)
{
    uint64_t id = 0;
    struct slice name = call->num_args ? slice_str(call->args[0]) : (struct slice){ 0 };
    bool by_id = name.len > 1 && *name.ptr == '#' && slice_to_u64(slice_from(name, 1), &id);
    const struct proxy_conf *proxy = call->admin->start.conf->proxies;
    while (proxy && (!proxy->has_frontend || proxy->disabled ||
                     !(by_id ? proxy->id == id : slice_equal(slice_str(proxy->name), name))))
        proxy = proxy->next;
    if (!proxy)
        admin_refuse(call, "%s\n", name.len ? "No such frontend." : "A frontend name is expected.");
    return proxy;
}
