"""The kinds of values that files write in several ways, such as days in several orders."""

WHOLE, NUMBER, BOOLEAN, DAY, MOMENT = "whole number", "number", "boolean", "day", "moment"
