// SPDX-License-Identifier: Apache-2.0
// Values of `show info` and `show stat`, and the forms they are printed in: CSV, typed, JSON (management guide,
// sections 9.1 and 9.2). Private to the area; pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

enum admin_type { ADMIN_S32, ADMIN_U32, ADMIN_U64, ADMIN_STR, ADMIN_FLT };

// What a field is, whatever its value.
struct admin_field {
    const char *name;
    const char *tags; // origin, nature and scope: "MGP"
    uint8_t type;     // enum admin_type
    const char *help;
};

struct admin_value {
    bool is_set;     // a field without a value is left empty (CSV) or out (other forms)
    bool is_float;   // `real` stands in place of `number`
    uint64_t number; // two's complement where the type is signed
    double real;
    const char *string; // for ADMIN_STR; borrowed
};

enum admin_form { ADMIN_FORM_PLAIN, ADMIN_FORM_TYPED, ADMIN_FORM_JSON };

// admin_value_add appends the value alone.
void admin_value_add(struct text *out, const struct admin_field *field, const struct admin_value *value);

// admin_value_add_csv appends the value as a CSV column (without comma): quoted where it holds a comma, a quote or a
// line feed. RFC 4180 section 2.
void admin_value_add_csv(struct text *out, const struct admin_field *field, const struct admin_value *value);

// admin_value_add_typed appends ":tags:type:value", with `desc` the help, and the end of the line.
void admin_value_add_typed(struct text *out, const struct admin_field *field, const struct admin_value *value,
                           bool desc);

// admin_value_add_json appends the members "field" to "value" of an object that the caller opened and closes; `pos` is
// the field's position, `process` the number of the process.
void admin_value_add_json(struct text *out, const struct admin_field *field, const struct admin_value *value,
                          uint32_t pos, uint32_t process, bool desc);

// admin_schema_add appends the JSON schema of `show info json` and `show stat json`.
void admin_schema_add(struct text *out);

// admin_json_string appends `string` as a JSON string, quotes included. RFC 8259 section 7.
void admin_json_string(struct text *out, const char *string);
