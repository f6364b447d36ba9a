#include "mlflow/parts.h"

#include <string.h>
#include <strings.h>

/* MLflow shows as text whatever people write, also where it has a media type of its own. */
static const char *const texts[] = {
    "txt",  "log",   "err",  "cfg",  "conf", "cnf",     "cf",        "ini",     "properties",
    "prop", "hocon", "toml", "yaml", "yml",  "xml",     "json",      "js",      "py",
    "py3",  "csv",   "tsv",  "md",   "rst",  "MLmodel", "MLproject", "mlmodel", "mlproject"};

static const struct {
    const char *ending, *type;
} types[] = {
    {"png", "image/png"},       {"jpg", "image/jpeg"},        {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},       {"svg", "image/svg+xml"},     {"webp", "image/webp"},
    {"bmp", "image/bmp"},       {"tif", "image/tiff"},        {"tiff", "image/tiff"},
    {"pdf", "application/pdf"}, {"zip", "application/zip"},   {"tar", "application/x-tar"},
    {"gz", "application/gzip"}, {"html", "text/html"},        {"htm", "text/html"},
    {"css", "text/css"},        {"mp3", "audio/mpeg"},        {"wav", "audio/x-wav"},
    {"mp4", "video/mp4"},       {"h5", "application/x-hdf5"},
};

const char *mlflow_media_type(const char *name)
{
    const char *slash = strrchr(name, '/'), *dot;
    name = slash != NULL ? slash + 1 : name;
    dot = strrchr(name, '.');
    const char *ending = dot != NULL && dot != name ? dot + 1 : name;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(texts[i], ending) == 0)
            return "text/plain";
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcasecmp(types[i].ending, ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}
