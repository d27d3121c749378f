# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# qdrant_edge's unions are untyped.
"""LlamaIndex's filters as Qdrant Edge takes them."""

from typing import Any

import qdrant_edge as edge
from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters


def as_filter(filters: MetadataFilters) -> edge.Filter:
    """The comparisons that this project's filters use: all of them must hold, or where they say so, one."""
    if not filters.filters:
        raise ValueError("An empty filter would match everything")
    if filters.condition == FilterCondition.OR:
        return edge.Filter(should=[_as_condition(each) for each in filters.filters])
    if filters.condition != FilterCondition.AND:
        raise ValueError(f"The filter condition {filters.condition} is not supported")
    return edge.Filter(must=[_as_condition(each) for each in filters.filters])


def _as_condition(condition: MetadataFilter | MetadataFilters) -> Any:
    if not isinstance(condition, MetadataFilter):
        return as_filter(condition)
    value: Any = condition.value
    match condition.operator:
        case FilterOperator.IN:
            return edge.FieldCondition(condition.key, match=edge.MatchAny(value))
        case FilterOperator.EQ:
            return edge.FieldCondition(condition.key, match=edge.MatchValue(value))
        case FilterOperator.NE:
            return edge.Filter(must_not=[edge.FieldCondition(condition.key, match=edge.MatchValue(value))])
        case FilterOperator.GTE:
            return edge.FieldCondition(condition.key, range=edge.RangeFloat(gte=value))
        case FilterOperator.LT:
            return edge.FieldCondition(condition.key, range=edge.RangeFloat(lt=value))
        case _:
            # A filter that is not understood must not be one that lets everything through.
            raise ValueError(f"The filter operator {condition.operator} is not supported")
